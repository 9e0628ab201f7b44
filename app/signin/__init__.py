"""Signing in and out."""

from app.signin.views import ask_to_sign_in, bp

__all__ = ["ask_to_sign_in", "bp"]
