"""What compiled kernels are made of: vectors, products, activations, tables of addresses, and how audio drivers call them."""
