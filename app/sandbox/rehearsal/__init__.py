"""Try a policy: a user under it does everything the portal offers, over HTTP, before MFA and with MFA."""
