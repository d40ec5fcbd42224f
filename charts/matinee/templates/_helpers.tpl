{{/* Name of everything that belongs to the operator. */}}
{{- define "matinee.name" -}}
{{- printf "%s-operator" (.Release.Name | trunc 40 | trimSuffix "-") -}}
{{- end -}}

{{- define "matinee.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "matinee.name" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- required "serviceAccount.name is needed with serviceAccount.create=false" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "matinee.secret" -}}
{{- default (printf "%s-key" (include "matinee.name" .)) .Values.operatorKey.existingSecret -}}
{{- end -}}

{{- define "matinee.selector" -}}
app.kubernetes.io/name: matinee-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "matinee.labels" -}}
{{ include "matinee.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "matinee.operatorImage" -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end -}}

{{- define "matinee.runtimeImage" -}}
{{ .Values.runtime.image.repository }}:{{ default .Chart.AppVersion .Values.runtime.image.tag }}
{{- end -}}

{{/* Pod Security `restricted`. */}}
{{- define "matinee.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "matinee.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{/* What the operator may do with the objects that it looks after. In cluster mode in all
namespaces, else in each of those that are named. No right is there without a use: see
tests/charts/test_rights.py. */}}
{{- define "matinee.rules" -}}
- apiGroups: [matinee.video]
  resources: [videomodels, streamingservices, routers]
  verbs: [list, watch]
- apiGroups: [matinee.video]
  resources: [streamingservices] # the finalizer
  verbs: [patch]
- apiGroups: [matinee.video]
  resources: [videomodels/status, streamingservices/status, routers/status]
  verbs: [patch]
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [""]
  resources: [configmaps]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [""]
  resources: [persistentvolumeclaims] # of weights; they go with their VideoModel
  verbs: [get, list, watch, create, patch]
- apiGroups: [""]
  resources: [services]
  verbs: [get, list, watch, create, patch]
- apiGroups: [""]
  resources: [secrets] # made, never read
  verbs: [create]
- apiGroups: [""]
  resources: [events] # listed where a Job has no pods
  verbs: [list, create, patch]
- apiGroups: [batch]
  resources: [jobs]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, watch, create, patch]
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies]
  verbs: [get, list, watch, create, patch]
- apiGroups: [monitoring.coreos.com]
  resources: [podmonitors]
  verbs: [get, list, create, patch]
{{- end -}}
