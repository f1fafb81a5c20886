"""The untrusted side: zygote, keeper, worker, and the protocol between them."""
