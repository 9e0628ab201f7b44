"""What a browser's session holds, where it is kept, and when it ends."""
