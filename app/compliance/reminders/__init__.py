"""Notices that follow from compliance: what is due for users, and how accounts are doing for administrators."""
