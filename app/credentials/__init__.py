"""What every feature about credentials shares."""
