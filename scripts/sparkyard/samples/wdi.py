"""World Development Indicators as they are published: WDICSV.csv, a column a year, countries and aggregates mixed. Scale 1 has 1,500
indicators, as in life; six of them are asked for, the others are in the way.

What misleads in it: names with commas in quotes, a mark at the beginning of the file, an empty column behind the last year, years that are
missing, a country that lacks an indicator, with its line or without, means just below and above 70. Values are invented. A larger scale
adds lines behind the others.
"""

import random
from collections.abc import Iterator

FIRST, LAST = 1960, 2024
YEARS = [str(year) for year in range(FIRST, LAST + 1)]
OTHERS = 1_500  # of a scale unit, besides those that are asked for
INDICATORS = {
    "SP.DYN.LE00.IN": ("Life expectancy at birth, total (years)", 0.0),
    "SP.DYN.LE00.FE.IN": ("Life expectancy at birth, female (years)", 2.5),
    "SP.DYN.LE00.MA.IN": ("Life expectancy at birth, male (years)", -2.5),
    "SP.DYN.AMRT.FE": ("Mortality rate, adult, female (per 1,000 female adults)", 0.0),
    "SP.DYN.AMRT.MA": ("Mortality rate, adult, male (per 1,000 male adults)", 60.0),
    "SH.DTH.IMRT": ("Number of infant deaths", 0.0),
}
COUNTRIES = {
    "AGO": "Angola",
    "AUS": "Australia",
    "BHS": "Bahamas, The",
    "BRA": "Brazil",
    "TCD": "Chad",
    "COD": "Congo, Dem. Rep.",
    "CIV": "Cote d'Ivoire",
    "CUW": "Curacao",
    "EGY": "Egypt, Arab Rep.",
    "GMB": "Gambia, The",
    "DEU": "Germany",
    "GHA": "Ghana",
    "HKG": "Hong Kong SAR, China",
    "ISL": "Iceland",
    "IND": "India",
    "IRN": "Iran, Islamic Rep.",
    "JPN": "Japan",
    "KEN": "Kenya",
    "KOR": "Korea, Rep.",
    "LSO": "Lesotho",
    "MEX": "Mexico",
    "NGA": "Nigeria",
    "PER": "Peru",
    "STP": "São Tomé and Príncipe",
    "TUR": "Türkiye",
    "VEN": "Venezuela, RB",
    "YEM": "Yemen, Rep.",
}
AGGREGATES = {"WLD": "World", "HIC": "High income", "LIC": "Low income", "SSF": "Sub-Saharan Africa", "ARB": "Arab World"}
WITHOUT_LINE = ("CUW", "SP.DYN.AMRT.MA")
WITHOUT_VALUES = ("STP", "SH.DTH.IMRT")
GAP = ("GHA", 2010)  # the one year that a country lacks


def make_files(scale: float, seed: int = 0, broken: float = 0.0) -> Iterator[tuple[str, bytes]]:
    chance = random.Random(f"wdi {seed}")
    lines = list(make_lines(chance, round(scale * OTHERS)))
    for position in chance.sample(range(len(lines)), round(broken * len(lines))):
        lines[position] = break_line(chance, lines[position])
    header = ",".join([*(f'"{name}"' for name in ("Country Name", "Country Code", "Indicator Name", "Indicator Code")), *YEARS, ""])
    yield "WDICSV.csv", "\n".join(["\ufeff" + header, *lines, ""]).encode()


def make_lines(chance: random.Random, others: int) -> Iterator[str]:
    places = {**AGGREGATES, **COUNTRIES}
    levels = {code: chance.uniform(50, 85) for code in places} | {"KEN": 69.99, "PER": 70.01}
    for code, (name, offset) in INDICATORS.items():
        for country in places:
            if (country, code) != WITHOUT_LINE:
                yield make_line(places[country], country, name, code, make_values(chance, country, code, levels[country], offset))
    for number in range(others):
        for country in places:
            level = chance.uniform(0, 100)
            values = [f"{level + year / 7:.3f}" if year > 30 else "" for year in range(len(YEARS))]
            yield make_line(places[country], country, f"Invented indicator {number}, in %", f"XX.{number:04d}", values)


def make_values(chance: random.Random, country: str, code: str, level: float, offset: float) -> list[str]:
    if (country, code) == WITHOUT_VALUES:
        return ["" for _ in YEARS]
    if code.startswith("SH."):
        return [str(chance.randrange(10, 100_000)) if int(year) >= 1990 else "" for year in YEARS]
    base, spread = (level, 0.0 if country in ("KEN", "PER") else 0.05) if code.startswith("SP.DYN.LE") else (400 - 4 * level, 0.5)
    values = [f"{base + offset + spread * chance.uniform(-9, 9):.9f}".rstrip("0") for _ in YEARS]
    return ["" if (country, year) == (GAP[0], str(GAP[1])) else value for year, value in zip(YEARS, values, strict=True)]


def make_line(country: str, code: str, name: str, indicator: str, values: list[str]) -> str:
    return ",".join([f'"{country}"', f'"{code}"', f'"{name}"', f'"{indicator}"', *values, ""])


def break_line(chance: random.Random, line: str) -> str:
    """Lines that are none, whatever indicator they are of."""
    return chance.choice([line[: len(line) // 3], f"{line}1,2", "", line.replace('"', "", 1).replace('"', "", 1).replace(",", ",,,", 1)])
