"""Signing in and out."""

from app.signin import aws_views, company_logout
from app.signin.views import ask_to_sign_in, bp

aws_bp = aws_views.bp
company_bp = company_logout.bp

__all__ = ["ask_to_sign_in", "aws_bp", "bp", "company_bp"]
