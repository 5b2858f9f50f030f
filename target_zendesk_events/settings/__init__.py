"""Every setting, once: schema for Singer, frozen dataclass for us."""

from target_zendesk_events.settings.account import (
    AccessToken,
    ApiToken,
    ClientCredentials,
    Credentials,
    Login,
    NoCredentials,
    Password,
    RefreshToken,
)
from target_zendesk_events.settings.checked import OnUnknownOutcome, Settings, UnknownCustomers, read_settings
from target_zendesk_events.settings.declared import MEANINGLESS, SDK_SETTINGS, SETTINGS, Setting
from target_zendesk_events.settings.plans import PLANS, Plan
from target_zendesk_events.settings.playground import PLAYGROUND_VARIABLE, Playground
from target_zendesk_events.settings.schema import (
    ENVIRONMENT_PREFIX,
    config_schema,
    environment_config,
    hide_meaningless,
)
from target_zendesk_events.settings.scopes import Need, lacking, narrowest
from target_zendesk_events.settings.storage import LEDGER_FILE, PROJECT_ROOT_VARIABLE
from target_zendesk_events.settings.times import read_length, read_since

__all__ = [
    "ENVIRONMENT_PREFIX",
    "LEDGER_FILE",
    "MEANINGLESS",
    "PLANS",
    "PLAYGROUND_VARIABLE",
    "PROJECT_ROOT_VARIABLE",
    "SDK_SETTINGS",
    "SETTINGS",
    "AccessToken",
    "ApiToken",
    "ClientCredentials",
    "Credentials",
    "Login",
    "Need",
    "NoCredentials",
    "OnUnknownOutcome",
    "Password",
    "Plan",
    "Playground",
    "RefreshToken",
    "Setting",
    "Settings",
    "UnknownCustomers",
    "config_schema",
    "environment_config",
    "hide_meaningless",
    "lacking",
    "narrowest",
    "read_length",
    "read_settings",
    "read_since",
]
