"""`headway demo`: a real log from end to end, with every claim checked on the way."""
