"""Vectors of records: what is to be read, where its vectors are kept, and the background lane that gets them."""
