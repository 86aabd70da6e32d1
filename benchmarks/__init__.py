"""Measurements that anyone can repeat with one command; see README.md."""
