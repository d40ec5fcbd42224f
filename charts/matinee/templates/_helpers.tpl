{{/* Name of everything that belongs to the operator. A Service's must begin with a letter and has no
dots; a release's may begin with a digit and have some. */}}
{{- define "matinee.name" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else -}}
{{- $release := .Release.Name | replace "." "-" | trunc 40 | trimSuffix "-" -}}
{{- printf "%s%s-operator" (ternary "matinee-" "" (regexMatch "^[0-9]" $release)) $release -}}
{{- end -}}
{{- end -}}

{{/* Name of what belongs to no namespace. Of the whole cluster there is one operator; of some
namespaces there may be several, in other namespaces under the same name. */}}
{{- define "matinee.clusterName" -}}
{{- include "matinee.name" . -}}
{{- if .Values.namespaces }}-{{ .Release.Namespace }}{{ end -}}
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

{{- define "matinee.valkeySelector" -}}
app.kubernetes.io/name: matinee-valkey
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "matinee.valkeyLabels" -}}
{{ include "matinee.valkeySelector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{/* Takes a dict: `root`, and `image` of the values. */}}
{{- define "matinee.image" -}}
{{- with default .root.Values.global.imageRegistry .root.Values.registry }}{{ trimSuffix "/" . }}/{{ end -}}
{{- .image.repository -}}
{{- if .image.digest }}@{{ .image.digest }}{{ else }}:{{ default .root.Chart.AppVersion .image.tag }}{{ end -}}
{{- end -}}

{{- define "matinee.operatorImage" -}}
{{ include "matinee.image" (dict "root" . "image" .Values.image) }}
{{- end -}}

{{- define "matinee.runtimeImage" -}}
{{ include "matinee.image" (dict "root" . "image" .Values.runtime.image) }}
{{- end -}}

{{- define "matinee.routerImage" -}}
{{ include "matinee.image" (dict "root" . "image" .Values.router.image) }}
{{- end -}}

{{/* A parent chart's may be plain names. */}}
{{- define "matinee.pullSecrets" -}}
{{- $every := .Values.imagePullSecrets -}}
{{- range .Values.global.imagePullSecrets -}}
{{- $every = append $every (ternary . (dict "name" .) (kindIs "map" .)) -}}
{{- end -}}
{{- if $every }}{{ toYaml (uniq $every) }}{{ end -}}
{{- end -}}

{{/* What a PodMonitor of ours has beside the chart's labels. */}}
{{- define "matinee.monitorLabels" -}}
{{- $pairs := list -}}
{{- range $key, $value := .Values.metrics.labels }}{{ $pairs = append $pairs (printf "%s=%s" $key $value) }}{{ end -}}
{{- join "," $pairs -}}
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
- apiGroups: [apps]
  resources: [deployments] # of Routers
  verbs: [get, list, watch, create, patch]
- apiGroups: [apps]
  resources: [replicasets] # whose a Router's pods are
  verbs: [list, watch]
- apiGroups: [""]
  resources: [serviceaccounts] # of Routers
  verbs: [get, list, watch, create, patch]
- apiGroups: [rbac.authorization.k8s.io]
  resources: [roles, rolebindings] # of Routers: to list and watch EndpointSlices, which it may itself
  verbs: [get, list, watch, create, patch]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, watch, create, patch]
- apiGroups: [discovery.k8s.io]
  resources: [endpointslices] # which pods Services send viewers to
  verbs: [list, watch]
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies]
  verbs: [get, list, watch, create, patch]
- apiGroups: [networking.k8s.io]
  resources: [ingresses] # of Routers
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [gateway.networking.k8s.io]
  resources: [httproutes] # of Routers
  verbs: [get, list, create, patch, delete]
- apiGroups: [monitoring.coreos.com]
  resources: [podmonitors]
  verbs: [get, list, create, patch, delete]
{{- end -}}

{{/* Two operators of the same objects would undo each other's work, each with tokens of its own. Only
an installation into a cluster can look, what is only rendered finds nothing; and who makes nothing
outside of some namespaces may not be able to look there either. */}}
{{- define "matinee.refuseSecondOperator" -}}
{{- $api := "rbac.authorization.k8s.io/v1" -}}
{{- if or (not .Values.namespaces) .Values.crds.install .Values.aggregateRoles -}}
{{- $found := lookup $api "ClusterRoleBinding" "" "" -}}
{{- include "matinee.refuseOther" (dict "root" . "found" $found "what" "the whole cluster") -}}
{{- end -}}
{{- range default (list "") .Values.namespaces -}}
{{- $found := lookup $api "RoleBinding" . "" -}}
{{- include "matinee.refuseOther" (dict "root" $ "found" $found "what" "") -}}
{{- end -}}
{{- end -}}

{{- define "matinee.refuseOther" -}}
{{- $root := .root -}}
{{- $what := .what -}}
{{- range .found.items -}}
{{- $name := index (default dict .metadata.labels) "app.kubernetes.io/name" -}}
{{- $notes := default dict .metadata.annotations -}}
{{- $release := index $notes "meta.helm.sh/release-name" -}}
{{- $place := index $notes "meta.helm.sh/release-namespace" -}}
{{- $own := and (eq $release $root.Release.Name) (eq $place $root.Release.Namespace) -}}
{{- if and $release (eq $name "matinee-operator") (not $own) (not (hasSuffix "-lease" .metadata.name)) -}}
{{- $what = default (printf "the namespace %s" .metadata.namespace) $what -}}
{{- printf "release %s of the namespace %s watches %s already: uninstall it, or set `namespaces` of both so that none is in both" $release $place $what | fail -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* CEL: what is said of a Secret that is not listed. Takes where it is used. */}}
{{- define "matinee.onlySecrets" -}}
{{ printf "%s: a Secret that is not one of `restrictions.secrets`: " . | toJson }} + variables.secrets.join(", ")
{{- end -}}
