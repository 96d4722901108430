{{/* What runs is what the site chose. */}}
{{- define "jobs.admission.images" -}}
{{- $prefixes := include "jobs.imagePrefixes" . -}}
{{ include "jobs.admission.containers" . }}
- name: foreign
  expression: variables.containers.filter(c, !{{ $prefixes }}.exists(prefix, c.image.startsWith(prefix)))
validations:
  - expression: size(variables.foreign) == 0
    messageExpression: >-
      'image of a job pod' + variables.where + 'container ' + variables.foreign.map(c, c.name + ' has image ' + c.image).join(', ')
      + {{ printf "; allowed are images that start with %s. Leave the image out, or add a prefix to global.jobs.allowed.images" (fromJsonArray $prefixes | join ", ") | squote }}
{{- end }}
