"""Findings as SARIF 2.1.0, which code hosts show beside the changed lines."""

from sparkyard.check.findings import Finding, Json, format_path


def format_sarif(findings: dict[str, list[Finding]], version: str) -> Json:
    results = [_result(file, finding) for file, found in findings.items() for finding in found]
    rules = sorted({result["ruleId"] for result in results})
    driver = {"name": "sparkyard check", "version": version, "rules": [{"id": rule} for rule in rules]}
    schema = "https://json.schemastore.org/sarif-2.1.0.json"
    return {"$schema": schema, "version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": results}]}


def _result(file: str, finding: Finding) -> Json:
    place = {"artifactLocation": {"uri": file}, "region": {"startLine": finding.line}}
    return {
        "ruleId": finding.rule,
        "level": finding.severity,
        "message": {"text": str(finding)},
        "locations": [{"physicalLocation": place, "logicalLocations": [{"fullyQualifiedName": format_path(finding.path)}]}],
    }
