"""The command line, the settings and the composition: everything comes together here, and nothing
imports it."""
