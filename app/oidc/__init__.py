"""The company's OpenID Connect provider. It says who someone is. It gives nobody any power at AWS."""
