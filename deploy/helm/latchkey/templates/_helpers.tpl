{{- define "latchkey.name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name }}{{ else }}{{ .Release.Name }}-{{ .Chart.Name }}{{ end -}}
{{- end }}

{{- /* What identifies the pods of one kind: (list $ "portal"). */ -}}
{{- define "latchkey.selector" -}}
app.kubernetes.io/name: latchkey
app.kubernetes.io/instance: {{ (index . 0).Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{- define "latchkey.labels" -}}
{{ include "latchkey.selector" . }}
app.kubernetes.io/version: {{ (index . 0).Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ (index . 0).Release.Service }}
helm.sh/chart: {{ (index . 0).Chart.Name }}-{{ (index . 0).Chart.Version }}
{{- end }}

{{- define "latchkey.image" -}}
{{- if .Values.image.digest }}{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else }}{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end -}}
{{- end }}

{{- /* "yes" if notices can be sent. */ -}}
{{- define "latchkey.channel" -}}
{{- range list "SMTP_SERVER" "WEBHOOK_URL" "SLACK_WEBHOOK_URL" "TEAMS_WEBHOOK_URL" }}
{{- if or (get $.Values.settings .) (has . $.Values.secrets.keys) }}yes{{ end }}
{{- end }}
{{- end }}

{{- /* The environment: settings as they are, and for each secret the path of its file. */ -}}
{{- define "latchkey.env" -}}
{{- $own := dict }}
{{- if and (include "latchkey.channel" .) (gt (int .Values.worker.replicas) 0) }}{{ $own = dict "NOTICES_WORKERS" "0" }}{{ end }}
{{- range $name, $value := merge (dict) .Values.settings $own }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- range .Values.secrets.keys }}
- name: {{ . }}_FILE
  value: /run/secrets/latchkey/{{ . }}
{{- end }}
{{- end }}

{{- /* What all pods have in common: (list $ "portal" NAME-OF-THE-CONFIGMAP-OF-FILES). */ -}}
{{- define "latchkey.pod" -}}
{{- $ := index . 0 -}}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  seccompProfile: {type: RuntimeDefault}
{{- with $.Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $.Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with $.Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $.Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $.Values.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{- include "latchkey.selector" (list $ (index . 1)) | nindent 8 }}
volumes:
  # The only place that can be written: uploads on their way, and the numbers for /metrics.
  - name: tmp
    emptyDir: {sizeLimit: 256Mi}
  - name: secrets
    secret:
      secretName: {{ $.Values.secrets.name }}
      defaultMode: 0440
      items:
        {{- range $.Values.secrets.keys }}
        - {key: {{ . }}, path: {{ . }}}
        {{- end }}
  {{- if $.Values.files }}
  - name: files
    configMap:
      name: {{ index . 2 }}
  {{- end }}
{{- end }}

{{- define "latchkey.container" -}}
image: {{ include "latchkey.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
env: {{- include "latchkey.env" . | trim | nindent 2 }}
volumeMounts:
  - {name: tmp, mountPath: /tmp}
  - {name: secrets, mountPath: /run/secrets/latchkey, readOnly: true}
  {{- if .Values.files }}
  - {name: files, mountPath: /etc/latchkey, readOnly: true}
  {{- end }}
{{- end }}
