"""Who is calling, which permissions the call needs, and whether the policies allow it."""
