"""Database files as earlier versions of each subsystem wrote them. Made by `make.py`; what was frozen is never changed."""
