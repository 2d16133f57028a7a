{{- define "kferry.name" -}}
{{ .Release.Name | trunc 53 | trimSuffix "-" }}
{{- end }}

{{- define "kferry.selector" -}}
app.kubernetes.io/name: kferry
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "kferry.labels" -}}
{{ include "kferry.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "kferry.serviceAccount" -}}
{{ .Values.serviceAccount.name | default (ternary (include "kferry.name" .) "default" .Values.serviceAccount.create) }}
{{- end }}

{{/* More than one pod may run. */}}
{{- define "kferry.several" -}}
{{ if or (gt (int .Values.replicas) 1) (ne .Values.autoscaling.kind "none") }}true{{ end }}
{{- end }}

{{- define "kferry.shared" -}}
{{ if and .Values.data.persistence.enabled (or .Values.data.persistence.existingClaim (has "ReadWriteMany" .Values.data.persistence.accessModes)) }}true{{ end }}
{{- end }}

{{/* What cannot work is said before anything is installed. */}}
{{- define "kferry.check" -}}
{{- if not (or .Values.keys.existingSecret .Values.allowUnauthenticated (hasKey .Values.settings "KFERRY_AUTH")) }}
{{- fail "who may use it is not said: give keys.existingSecret, or allowUnauthenticated=true" }}
{{- end }}
{{- if include "kferry.several" . }}
{{- if not .Values.store.postgres.existingSecret }}
{{- fail "several replicas share their jobs in PostgreSQL: give store.postgres.existingSecret" }}
{{- end }}
{{- if not (include "kferry.shared" .) }}
{{- fail "several replicas share their results: give data.persistence with accessModes [ReadWriteMany], or an existingClaim that all may write" }}
{{- end }}
{{- end }}
{{- if gt (int .Values.autoscaling.min) (int .Values.autoscaling.max) }}
{{- fail "autoscaling.min is more than autoscaling.max" }}
{{- end }}
{{- end }}
