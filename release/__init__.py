"""What `make image`, `make artifacts` and `make sign` do: images, bills of materials, checksums and signatures."""
