from django.urls import re_path

from accounts.api import access_urls, openapi  # noqa: F401 - openapi registers itself
from accounts.api.views import (
    impersonation,
    keys,
    oidc,
    passwords,
    profile,
    service_accounts,
    sessions,
    sign_in,
    streams,
    two_factor,
)

urlpatterns = [
    re_path(r"^auth/register/?$", sign_in.RegisterView.as_view(), name="register"),
    re_path(r"^auth/login/?$", sign_in.LoginView.as_view(), name="login"),
    re_path(r"^auth/login/verify/?$", sign_in.VerifyView.as_view(), name="login-verify"),
    re_path(r"^auth/refresh/?$", sign_in.RefreshView.as_view(), name="refresh"),
    re_path(
        r"^auth/password/change/?$",
        passwords.ChangePasswordView.as_view(),
        name="password-change",
    ),
    re_path(
        r"^auth/password/forgot/?$",
        passwords.ForgotPasswordView.as_view(),
        name="password-forgot",
    ),
    re_path(
        r"^auth/password/reset/?$", passwords.ResetPasswordView.as_view(), name="password-reset"
    ),
    re_path(r"^auth/logout/?$", sign_in.LogoutView.as_view(), name="logout"),
    re_path(r"^auth/logout-all/?$", sessions.LogoutAllView.as_view(), name="logout-all"),
    re_path(r"^auth/revoke/?$", sessions.LogoutAllView.as_view()),  # as present clients call it
    re_path(r"^auth/oidc/providers/?$", oidc.ProvidersView.as_view(), name="oidc-providers"),
    re_path(
        r"^auth/oidc/(?P<provider>[^/]+)/login/?$",
        oidc.OidcLoginView.as_view(),
        name="oidc-login",
    ),
    re_path(
        r"^auth/oidc/(?P<provider>[^/]+)/callback/?$",
        oidc.OidcCallbackView.as_view(),
        name="oidc-callback",
    ),
    re_path(r"^auth/me/?$", profile.MeView.as_view(), name="me"),
    re_path(r"^auth/me/profile/?$", profile.ProfileView.as_view(), name="profile"),
    re_path(r"^user/preferences/?$", profile.PreferencesView.as_view(), name="preferences"),
    re_path(r"^auth/sessions/?$", sessions.SessionsView.as_view(), name="sessions"),
    re_path(r"^auth/sessions/(?P<session_id>[^/]+)/?$", sessions.SessionView.as_view()),
    re_path(r"^auth/2fa/?$", two_factor.TwoFactorView.as_view(), name="two-factor"),
    re_path(r"^auth/2fa/setup/?$", two_factor.SetupView.as_view()),
    re_path(r"^auth/2fa/verify/?$", two_factor.ConfirmView.as_view()),
    re_path(r"^auth/2fa/backup-codes/?$", two_factor.BackupCodesView.as_view()),
    re_path(r"^auth/2fa/disable/?$", two_factor.DisableView.as_view()),
    re_path(r"^auth/reauthenticate/?$", two_factor.ReauthenticateView.as_view()),
    re_path(r"^auth/impersonate/?$", impersonation.ImpersonateView.as_view(), name="impersonate"),
    re_path(r"^api-keys/?$", keys.KeysView.as_view(), name="api-keys"),
    re_path(r"^api-keys/(?P<key_id>[^/]+)/?$", keys.KeyView.as_view(), name="api-key"),
    re_path(
        r"^api-keys/(?P<key_id>[^/]+)/rotate/?$",
        keys.RotateKeyView.as_view(),
        name="api-key-rotate",
    ),
    re_path(
        r"^access/service-accounts/?$",
        service_accounts.ServiceAccountsView.as_view(),
        name="service-accounts",
    ),
    re_path(
        r"^access/service-accounts/(?P<account_id>[^/]+)/?$",
        service_accounts.ServiceAccountView.as_view(),
        name="service-account",
    ),
    re_path(r"^auth/events/?$", streams.SessionEventsView.as_view(), name="session-events"),
    *access_urls.urlpatterns,
]
