"""The routes where people, teams and rights are administered, and one's own data."""

from django.urls import re_path

from accounts.api.views import grants, group_mappings, own_data, teams, users

USER = r"access/users/(?P<user_id>[^/]+)"
TEAM = r"access/teams/(?P<team_id>[^/]+)"

urlpatterns = [
    re_path(r"^access/users/?$", users.UsersView.as_view(), name="users"),
    re_path(rf"^{USER}/?$", users.UserView.as_view(), name="user"),
    re_path(rf"^{USER}/disable/?$", users.DisableView.as_view(), name="user-disable"),
    re_path(rf"^{USER}/enable/?$", users.EnableView.as_view(), name="user-enable"),
    re_path(rf"^{USER}/logout-all/?$", users.LogOutUserView.as_view(), name="user-logout-all"),
    re_path(rf"^{USER}/reset-2fa/?$", users.ResetSecondFactorView.as_view(), name="user-reset-2fa"),
    re_path(rf"^{USER}/erase/?$", users.EraseUserView.as_view(), name="user-erase"),
    re_path(rf"^{USER}/sessions/?$", users.UserSessionsView.as_view(), name="user-sessions"),
    re_path(rf"^{USER}/grants/?$", grants.UserGrantsView.as_view(), name="user-grants"),
    re_path(r"^access/grants/(?P<grant_id>[^/]+)/?$", grants.GrantView.as_view(), name="grant"),
    re_path(r"^access/teams/?$", teams.TeamsView.as_view(), name="teams"),
    re_path(rf"^{TEAM}/?$", teams.TeamView.as_view(), name="team"),
    re_path(rf"^{TEAM}/members/?$", teams.MembersView.as_view(), name="team-members"),
    re_path(rf"^{TEAM}/grants/?$", grants.TeamGrantsView.as_view(), name="team-grants"),
    re_path(
        r"^access/group-mappings/?$",
        group_mappings.GroupMappingsView.as_view(),
        name="group-mappings",
    ),
    re_path(
        r"^access/group-mappings/(?P<mapping_id>[^/]+)/?$",
        group_mappings.GroupMappingView.as_view(),
        name="group-mapping",
    ),
    re_path(r"^auth/me/export/?$", own_data.ExportView.as_view(), name="me-export"),
    re_path(r"^auth/me/erase/?$", own_data.EraseView.as_view(), name="me-erase"),
]
