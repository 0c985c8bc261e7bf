"""Which names belong to the cluster, and the server that answers them."""
