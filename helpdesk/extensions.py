"""Flask extensions, unbound: `app.create_app` binds them, everybody else imports them from here."""

from __future__ import annotations

from flask_babel import Babel
from flask_limiter import Limiter, RateLimitExceeded
from flask_limiter.util import get_remote_address
from flask_login import LoginManager
from flask_mail import Mail
from flask_migrate import Migrate
from flask_wtf import CSRFProtect


class SteadyLimiter(Limiter):
    """Counts on in this process's memory when Redis goes away, for every request that was counting at that moment.

    Flask-Limiter does so for the first of them and lets the others fail.
    """

    def _check_request_limit(self, callable_name: str | None = None, in_middleware: bool = True) -> None:
        was_alive = not self._storage_dead
        try:
            super()._check_request_limit(callable_name, in_middleware)
        except RateLimitExceeded:
            raise
        except Exception:
            if not (was_alive and self._storage_dead):
                raise
            self.context.seen_limits.clear()
            super()._check_request_limit(callable_name, in_middleware)


migrate = Migrate()
login = LoginManager()
mail = Mail()
csrf = CSRFProtect()
limiter = SteadyLimiter(key_func=get_remote_address)
babel = Babel()
