CREATE TABLE IF NOT EXISTS requests (
  number INTEGER PRIMARY KEY,
  method TEXT NOT NULL,
  path TEXT NOT NULL,
  query TEXT NOT NULL,
  headers TEXT NOT NULL,
  authorization TEXT,
  body BLOB NOT NULL,
  arrived REAL NOT NULL,
  arrived_at TEXT NOT NULL,
  answered REAL,
  status INTEGER,
  dropped INTEGER NOT NULL DEFAULT 0,
  fault INTEGER,
  profile_id TEXT,
  token_id INTEGER
);
CREATE TABLE IF NOT EXISTS refusals (
  request INTEGER PRIMARY KEY,
  code TEXT NOT NULL,
  title TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS notes (
  request INTEGER PRIMARY KEY,
  note TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS users (
  id INTEGER PRIMARY KEY,
  name TEXT,
  created_at TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS identities (
  type TEXT NOT NULL,
  value TEXT NOT NULL,
  user_id INTEGER NOT NULL,
  PRIMARY KEY (type, value)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS identities_of_user ON identities (user_id);
CREATE TABLE IF NOT EXISTS profiles (
  number INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  user_id INTEGER NOT NULL,
  source TEXT NOT NULL,
  type TEXT NOT NULL,
  name TEXT,
  attributes TEXT NOT NULL,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  UNIQUE (user_id, source, type)
);
CREATE TABLE IF NOT EXISTS identifiers (
  number INTEGER PRIMARY KEY,
  profile_id TEXT NOT NULL,
  source TEXT NOT NULL,
  profile_type TEXT NOT NULL,
  type TEXT NOT NULL,
  value TEXT NOT NULL,
  UNIQUE (source, profile_type, type, value)
);
CREATE INDEX IF NOT EXISTS identifiers_of_profile ON identifiers (profile_id);
CREATE TABLE IF NOT EXISTS events (
  number INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  profile_id TEXT NOT NULL,
  request INTEGER NOT NULL,
  source TEXT NOT NULL,
  type TEXT NOT NULL,
  description TEXT,
  properties TEXT NOT NULL,
  created_at TEXT NOT NULL,
  received_at TEXT NOT NULL,
  moment REAL NOT NULL,
  received REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS events_of_profile ON events (profile_id, moment);
CREATE INDEX IF NOT EXISTS sources_of_events ON events (source);
CREATE INDEX IF NOT EXISTS types_of_events ON events (type);
CREATE TABLE IF NOT EXISTS objects (
  number INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE,
  title TEXT NOT NULL,
  title_pluralized TEXT NOT NULL,
  description TEXT NOT NULL,
  naming TEXT NOT NULL,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS object_fields (
  number INTEGER PRIMARY KEY,
  object TEXT NOT NULL,
  key TEXT NOT NULL,
  definition TEXT NOT NULL,
  created_at TEXT NOT NULL,
  UNIQUE (object, key)
);
CREATE TABLE IF NOT EXISTS records (
  number INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  object TEXT NOT NULL,
  external_id TEXT,
  name TEXT,
  fields TEXT NOT NULL,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  UNIQUE (object, external_id)
);
CREATE INDEX IF NOT EXISTS records_by_name ON records (object, name);
CREATE TABLE IF NOT EXISTS record_links (
  record TEXT NOT NULL,
  field TEXT NOT NULL,
  target TEXT NOT NULL,
  target_id TEXT NOT NULL,
  PRIMARY KEY (record, field)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS records_of_target ON record_links (target, target_id);
CREATE TABLE IF NOT EXISTS tickets (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  external_id TEXT,
  requester_id INTEGER NOT NULL,
  content TEXT NOT NULL,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  deleted INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS tickets_by_external_id ON tickets (external_id);
CREATE INDEX IF NOT EXISTS tickets_of_requester ON tickets (requester_id);
CREATE TABLE IF NOT EXISTS jobs (
  number INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  object TEXT NOT NULL,
  action TEXT NOT NULL,
  items TEXT NOT NULL,
  orders TEXT NOT NULL,
  began REAL NOT NULL,
  due REAL NOT NULL,
  ended REAL,
  status TEXT,
  message TEXT,
  results TEXT
);
CREATE INDEX IF NOT EXISTS jobs_under_way ON jobs (due) WHERE ended IS NULL;
CREATE INDEX IF NOT EXISTS identities_without_case ON identities (type, value COLLATE NOCASE);
CREATE TABLE IF NOT EXISTS comments (
  number INTEGER PRIMARY KEY,
  ticket INTEGER NOT NULL,
  author_id INTEGER NOT NULL,
  body TEXT NOT NULL,
  public INTEGER NOT NULL,
  created_at TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS comments_of_ticket ON comments (ticket);
CREATE TABLE IF NOT EXISTS idempotency_keys (
  key TEXT PRIMARY KEY,
  digest TEXT NOT NULL,
  answer BLOB NOT NULL,
  began REAL NOT NULL
) WITHOUT ROWID;
