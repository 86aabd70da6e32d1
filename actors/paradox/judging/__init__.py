"""Two statements in, a verdict out. Pure functions over text, speaker and time: no memory, no clock, no model."""
