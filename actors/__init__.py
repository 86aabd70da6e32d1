"""The programming model (runtime, mailbox, messages, refs, host), and one folder for each subsystem."""
