"""Who is responsible for what: teams, surfaces, their owners and backups, and the roles people hold."""
