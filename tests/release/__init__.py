"""What takes too long for `make test`: artifacts, built and used as people get them. `make release-check` runs it."""
