"""The admin at /admin/; the root leads there. Browsers ask for a favicon by this name."""

from django.contrib import admin
from django.templatetags.static import static
from django.urls import URLPattern, URLResolver, path
from django.views.generic import RedirectView

urlpatterns: list[URLPattern | URLResolver] = [
    path("admin/", admin.site.urls),
    path("favicon.ico", RedirectView.as_view(url=static("contacts/favicon.svg"))),
    path("", RedirectView.as_view(pattern_name="admin:index")),
]
