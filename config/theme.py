"""How the back office looks, and what fills its frame."""

UNFOLD = {
    "SITE_TITLE": "NOC IQ",
    "SITE_HEADER": "NOC IQ",
    "SITE_SYMBOL": "cell_tower",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": "/static/favicon.svg"}],
    "SITE_URL": "",
    "ENVIRONMENT": "config.backoffice.environment_badge",
    "DASHBOARD_CALLBACK": "config.backoffice.dashboard",
    "ACCOUNT": {"navigation": "config.backoffice.account_links"},
    "SIDEBAR": {"navigation": "config.backoffice.navigation"},
    "STYLES": ["config.backoffice.stylesheet"],
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
}
