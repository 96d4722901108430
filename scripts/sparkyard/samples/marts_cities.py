"""Australian cities with their centres and time zones, as public geography has them, and the files that hold them."""

CITIES = [
    ("Sydney", -33.8688, 151.2093, "Australia/Sydney"),
    ("Melbourne", -37.8136, 144.9631, "Australia/Melbourne"),
    ("Brisbane", -27.4698, 153.0251, "Australia/Brisbane"),
    ("Perth", -31.9505, 115.8605, "Australia/Perth"),
    ("Adelaide", -34.9285, 138.6007, "Australia/Adelaide"),
    ("Gold Coast", -28.0167, 153.4, "Australia/Brisbane"),
    ("Newcastle", -32.9283, 151.7817, "Australia/Sydney"),
    ("Canberra", -35.2809, 149.13, "Australia/Sydney"),
    ("Wollongong", -34.4278, 150.8931, "Australia/Sydney"),
    ("Hobart", -42.8821, 147.3272, "Australia/Hobart"),
    ("Geelong", -38.1499, 144.3617, "Australia/Melbourne"),
    ("Townsville", -19.259, 146.8169, "Australia/Brisbane"),
    ("Cairns", -16.9186, 145.7781, "Australia/Brisbane"),
    ("Toowoomba", -27.5598, 151.9507, "Australia/Brisbane"),
    ("Darwin", -12.4634, 130.8456, "Australia/Darwin"),
    ("Ballarat", -37.5622, 143.8503, "Australia/Melbourne"),
    ("Bendigo", -36.757, 144.2794, "Australia/Melbourne"),
    ("Launceston", -41.4332, 147.1441, "Australia/Hobart"),
    ("Mackay", -21.1411, 149.186, "Australia/Brisbane"),
    ("Rockhampton", -23.3781, 150.51, "Australia/Brisbane"),
    ("Bunbury", -33.3256, 115.6396, "Australia/Perth"),
    ("Alice Springs", -23.698, 133.8807, "Australia/Darwin"),
    ("Broken Hill", -31.953, 141.453, "Australia/Broken_Hill"),
    ("Lord Howe Island", -31.5553, 159.0821, "Australia/Lord_Howe"),
]


def format_cities() -> bytes:
    """With decimal commas, as such files come."""
    lines = [f"{number};{city};{_comma(lat)};{_comma(lon)}" for number, (city, lat, lon, _) in enumerate(CITIES, 1)]
    return "\n".join(["id;city;lat;lng", *lines, ""]).encode()


def format_zones() -> bytes:
    return "\n".join(["city;timezone", *(f"{city};{zone}" for city, _, _, zone in CITIES), ""]).encode()


def _comma(degrees: float) -> str:
    return str(degrees).replace(".", ",")
