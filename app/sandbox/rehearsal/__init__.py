"""A policy tried out: someone under it does everything the portal offers, over HTTP, before MFA and with it."""
