"""How the weights that Lattice ships were made. Needs torch (`pip install torch`); nothing that runs imports this package."""
