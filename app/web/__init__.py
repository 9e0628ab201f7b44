"""What every page shares: forms, guards, limits, errors, responses."""
