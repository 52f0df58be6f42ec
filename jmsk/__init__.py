"""The Django project: settings, URLs, the embedded database and what the apps share."""
