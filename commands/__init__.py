"""What run.py's longer commands do, one file a command. Knows the parts; run.py knows how they are joined."""
