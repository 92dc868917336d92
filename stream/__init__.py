"""The stream: events in from Kafka, decisions out, by one Faust agent for each workflow."""
