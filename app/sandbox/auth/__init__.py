"""Who is calling, what the call needs permission for, and whether the policies allow it."""
