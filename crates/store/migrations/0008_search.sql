-- The audit log is searched by who, what and how risky, newest first, also when it holds millions.
CREATE INDEX audit_of_kind ON audit (org, kind, at, chain, seq);
CREATE INDEX audit_of_actor ON audit (org, actor, at, chain, seq);
CREATE INDEX audit_of_tier ON audit (org, tier, at, chain, seq) WHERE tier IS NOT NULL;
