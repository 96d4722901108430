{{/* What Pod Security restricted refuses too; this holds where a namespace lost its label. */}}
{{- define "jobs.admission.host" -}}
{{- $volumes := list "configMap" "downwardAPI" "emptyDir" "ephemeral" "persistentVolumeClaim" "projected" "secret" -}}
{{ include "jobs.admission.containers" . }}
- name: volumes
  expression: "has(object.spec.volumes) ? object.spec.volumes : []"
- name: foreignVolumes
  expression: variables.volumes.filter(v, !({{ range $i, $kind := $volumes }}{{ if $i }} || {{ end }}has(v.{{ $kind }}){{ end }})).map(v, v.name)
- name: privileged
  expression: >-
    variables.containers.filter(c, has(c.securityContext) && (
    (has(c.securityContext.privileged) && c.securityContext.privileged)
    || (has(c.securityContext.allowPrivilegeEscalation) && c.securityContext.allowPrivilegeEscalation)
    || (has(c.securityContext.capabilities) && has(c.securityContext.capabilities.add))
    || (has(c.securityContext.procMount) && c.securityContext.procMount != 'Default')
    || (has(c.securityContext.runAsUser) && c.securityContext.runAsUser == 0))).map(c, c.name)
- name: hostPorts
  expression: variables.containers.filter(c, has(c.ports) && c.ports.exists(p, has(p.hostPort) && p.hostPort != 0)).map(c, c.name)
validations:
  - expression: size(variables.foreignVolumes) == 0
    messageExpression: >-
      'volume of a job pod' + variables.where + 'spec.volumes ' + variables.foreignVolumes.join(', ')
      + ' of a kind that reaches the host or other systems; allowed are {{ join ", " $volumes }}'
  {{- range list "hostNetwork" "hostPID" "hostIPC" }}
  - expression: "!has(object.spec.{{ . }}) || !object.spec.{{ . }}"
    messageExpression: "'job pod' + variables.where + 'spec.{{ . }} is true; take it away'"
  {{- end }}
  - expression: size(variables.hostPorts) == 0
    messageExpression: "'job pod' + variables.where + 'container ' + variables.hostPorts.join(', ') + ' takes a hostPort; take it away'"
  - expression: size(variables.privileged) == 0
    messageExpression: >-
      'job pod' + variables.where + 'container ' + variables.privileged.join(', ')
      + ' is privileged, may escalate, adds capabilities or runs as root (securityContext); take that away'
  - expression: "!has(object.spec.securityContext) || !has(object.spec.securityContext.runAsUser) || object.spec.securityContext.runAsUser != 0"
    messageExpression: "'job pod' + variables.where + 'spec.securityContext.runAsUser is 0 (root); take it away'"
{{- end }}
