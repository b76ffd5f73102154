"""How words travel between people and their reports: notices, mail, Open311, and areas that people follow."""
