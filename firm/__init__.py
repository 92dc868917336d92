"""What is true in any professional-services firm: events, workflows, decisions and their record."""
