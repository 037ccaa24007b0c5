{{/* Names and labels that several files have. */}}
{{- define "braid.name" -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "braid.labels" -}}
app.kubernetes.io/name: braid
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "braid.secret" -}}
{{- .Values.existingSecret | default (include "braid.name" .) -}}
{{- end -}}

{{/* By which pods reach the coordinator. */}}
{{- define "braid.host" -}}
{{- printf "%s.%s.svc" (include "braid.name" .) .Release.Namespace -}}
{{- end -}}

{{/* How the agents of pools reach the coordinator. */}}
{{- define "braid.agentOptions" -}}
- --dir=/var/lib/braid
- --addr={{ include "braid.host" . }}:7070
- --token-file=/etc/braid/secret/token
- --ca=/etc/braid/secret/ca.crt
{{- end -}}

{{- define "braid.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
# Otherwise each start would let the group read what belongs to one account.
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "braid.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{- define "braid.pullSecrets" -}}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
{{- range . }}
- name: {{ . | quote }}
{{- end }}
{{- end }}
{{- end -}}
