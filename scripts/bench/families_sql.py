"""The questions of marts and wdi in SQL: those of marts for Spark and DuckDB both, of views that each makes in its own way:
`flat`, and `events`, which has the cities too.

Written down straight from the definitions, and apart from our jobs. `{local}`, `{joined}` and `{epoch}` each engine puts in its own
words. All days of the sample are asked for.
"""

from sparkyard.samples.marts import LAST
from sparkyard.samples.wdi import AGGREGATES, INDICATORS

CITIES = """SELECT CAST(id AS INT) AS city_id, geo.city AS city, CAST(replace(lat, ',', '.') AS DOUBLE) AS city_lat,
                   CAST(replace(lng, ',', '.') AS DOUBLE) AS city_lon, timezone FROM geo JOIN timezones ON geo.city = timezones.city"""
FLAT = """event_type, date, lat, lon,
    CASE event_type WHEN 'message' THEN event.message_from WHEN 'reaction' THEN CAST(event.reaction_from AS BIGINT)
         ELSE CAST(event.user AS BIGINT) END AS user_id,
    CAST(CASE event_type WHEN 'message' THEN coalesce(event.message_ts, event.datetime) ELSE event.datetime END AS TIMESTAMP) AS time,
    event.message_id AS message_id, event.message_to AS message_to, event.subscription_channel AS channel"""


def km(lat: str, lon: str, other_lat: str, other_lon: str) -> str:
    north, east = (f"power(sin(radians({other} - {one}) / 2), 2)" for one, other in ((lat, other_lat), (lon, other_lon)))
    return f"2 * 6371.0088e0 * asin(least(1e0, sqrt({north} + cos(radians({lat})) * cos(radians({other_lat})) * {east})))"


BY_TIME, LATEST = ("PARTITION BY user_id ORDER BY " + order for order in ("time, message_id", "time DESC, message_id DESC"))
COUNTS = ", ".join(f"count(*) FILTER (WHERE kind = '{kind}') AS {kind}" for kind in ("message", "reaction", "subscription", "registration"))

MARTS = {
    "users": f"""
        WITH messages AS (SELECT * FROM events WHERE event_type = 'message'),
             placed AS (SELECT *, lag(city_id) OVER ({BY_TIME}) AS city_before, row_number() OVER ({LATEST}) AS nth
                        FROM messages WHERE city_id IS NOT NULL),
             visits AS (SELECT *, lead(time) OVER ({BY_TIME}) AS next_time FROM placed WHERE city_before IS NULL OR city_before <> city_id),
             stays AS (SELECT *, coalesce(floor({{epoch}}(next_time) / 86400), {{epoch}}(DATE '{LAST}') / 86400)
                                 - floor({{epoch}}(time) / 86400) AS days FROM visits),
             homes AS (SELECT user_id, city, row_number() OVER ({LATEST}) AS latest FROM stays WHERE days >= 27),
             travels AS (SELECT user_id, count(*) AS visits, {{joined}} AS cities FROM visits GROUP BY user_id)
        SELECT p.user_id, l.city, h.city, CAST({{local}}(l.time, l.timezone) AS VARCHAR(30)), coalesce(visits, 0), coalesce(cities, '')
        FROM (SELECT DISTINCT user_id FROM messages) p LEFT JOIN (SELECT * FROM placed WHERE nth = 1) l ON p.user_id = l.user_id
        LEFT JOIN (SELECT * FROM homes WHERE latest = 1) h ON p.user_id = h.user_id LEFT JOIN travels t ON p.user_id = t.user_id""",
    "zones": f"""
        WITH firsts AS (SELECT *, row_number() OVER ({BY_TIME}) AS nth FROM events WHERE event_type = 'message'),
             happened AS (SELECT event_type AS kind, city, date FROM events
                          UNION ALL SELECT 'registration' AS kind, city, date FROM firsts WHERE nth = 1),
             dated AS (SELECT kind, coalesce(city, '') AS place, CAST(date_trunc('month', date) AS DATE) AS month,
                              CAST(date_trunc('week', date) AS DATE) AS week FROM happened),
             weeks AS (SELECT place, week, {COUNTS} FROM dated GROUP BY place, week),
             months AS (SELECT place, month, {COUNTS} FROM dated GROUP BY place, month)
        SELECT nullif(r.place, ''), CAST(r.month AS VARCHAR(10)), CAST(r.week AS VARCHAR(10)), w.message, w.reaction, w.subscription,
               w.registration, m.message, m.reaction, m.subscription, m.registration
        FROM (SELECT DISTINCT place, month, week FROM dated) r JOIN weeks w ON w.place = r.place AND w.week = r.week
        JOIN months m ON m.place = r.place AND m.month = r.month""",
    "friends": f"""
        WITH written AS (SELECT *, row_number() OVER ({LATEST}) AS nth FROM events WHERE event_type = 'message' AND lat IS NOT NULL),
             places AS (SELECT * FROM written WHERE nth = 1),
             channels AS (SELECT DISTINCT user_id, channel FROM flat WHERE event_type = 'subscription' AND channel IS NOT NULL),
             pairs AS (SELECT DISTINCT a.user_id AS one, b.user_id AS other
                       FROM channels a JOIN channels b ON a.channel = b.channel AND a.user_id < b.user_id),
             near AS (SELECT one, other, a.city AS city, a.timezone AS timezone, greatest(a.time, b.time) AS time,
                             {km("a.lat", "a.lon", "b.lat", "b.lon")} AS km
                      FROM pairs JOIN places a ON one = a.user_id JOIN places b ON other = b.user_id)
        SELECT one, other, city, CAST({{local}}(time, timezone) AS VARCHAR(30)), km FROM near
        WHERE km <= 1 AND NOT EXISTS (
            SELECT 1 FROM flat
            WHERE event_type = 'message' AND least(user_id, message_to) = one AND greatest(user_id, message_to) = other)""",
}
CELLS = ", ".join(f"{f}(value) FILTER (WHERE code = '{code}') AS {f}_{n}" for n, code in enumerate(INDICATORS) for f in ("avg", "count"))
COUNTRIES = f"(SELECT * FROM means WHERE country_code NOT IN {tuple(AGGREGATES)})"
WDI = {
    "means": f"SELECT country_code, country, {', '.join(f'avg_{n}, count_{n}' for n in range(len(INDICATORS)))} FROM means",
    "short-lives": f"""SELECT row_number() OVER (ORDER BY avg_0, country_code), country_code, avg_0, count_0 FROM {COUNTRIES}
                       WHERE avg_0 < 70""",
    "gaps": f"""SELECT country_code, avg_1 - avg_2 AS gap, avg_4 / avg_3 AS ratio FROM {COUNTRIES}
                WHERE avg_1 - avg_2 IS NOT NULL OR avg_4 / avg_3 IS NOT NULL""",
}
