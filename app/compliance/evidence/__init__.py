"""What an auditor takes away: files of findings in several formats, and the signed pack of all of them."""
