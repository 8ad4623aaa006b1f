/** The keys of a session's dictionary that Django itself uses. All names that begin with an underscore are Django's. */
export const DJANGO_KEYS = Object.freeze({
  /** A lifetime of its own: seconds, or ISO text. */
  expiry: "_session_expiry",
  /** The user's primary key, as text. */
  userId: "_auth_user_id",
  /** The dotted path of the authentication back end that let the user in. */
  userBackend: "_auth_user_backend",
  /** What `authHash` makes of the user's password. */
  userHash: "_auth_user_hash",
  /** The CSRF token, with `CSRF_USE_SESSIONS`. */
  csrfToken: "_csrftoken",
  /** Flash messages, as a JSON text. */
  messages: "_messages",
  /** The token of a password reset. */
  passwordResetToken: "_password_reset_token",
  /** The language, until Django 4.0. */
  language: "_language",
  /** The test cookie, whose value is {@link TEST_COOKIE_VALUE}. */
  testCookie: "testcookie",
});

/** What `set_test_cookie()` stores under `testcookie`. */
export const TEST_COOKIE_VALUE = "worked";
