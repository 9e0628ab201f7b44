"""`latchkey db`: Flask-Migrate's commands, in the application without pages."""

from app.db.migrating import commands

db = commands()
