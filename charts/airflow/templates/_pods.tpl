{{/* A pod whose arguments are those of the command sparkyard. */}}
{{- define "airflow.submitPod" -}}
apiVersion: v1
kind: Pod
metadata:
  name: submit
  namespace: {{ .Values.podTasks.namespace }}
spec:
  {{- include "sparkyard.podSpec" . | nindent 2 }}
  serviceAccountName: {{ include "airflow.task" . }}
  automountServiceAccountToken: true
  terminationGracePeriodSeconds: 60 # to cancel what it submitted
  containers:
    - name: base
      image: {{ include "sparkyard.image" (list . "airflow") }}
      imagePullPolicy: {{ .Values.global.imagePullPolicy }}
      command: [/usr/bin/tini, -s, --, sparkyard]
      securityContext: {{- include "sparkyard.containerSecurity" . | nindent 8 }}
      resources: {requests: {cpu: 50m, memory: 128Mi}, limits: {cpu: "1", memory: 512Mi}}
      volumeMounts: [{name: tmp, mountPath: /tmp}]
  volumes:
    - {name: tmp, emptyDir: {sizeLimit: 256Mi}}
{{- end }}

{{/* A driver whose arguments are those of spark-submit. Without the operator nobody gives its executors what the platform demands of pods. */}}
{{- define "airflow.sparkPod" -}}
{{- $executor := fromYaml (include "airflow.executorPod" .) -}}
{{- $conf := list "spark.driver.host=$(POD_IP)" "spark.driver.bindAddress=$(POD_IP)" "spark.kubernetes.driver.pod.name=$(POD_NAME)"
  "spark.kubernetes.namespace=$(POD_NAMESPACE)" (printf "spark.kubernetes.container.image=%s" (include "sparkyard.image" (list . "spark")))
  "spark.kubernetes.authenticate.executor.serviceAccountName=spark-executor" "spark.kubernetes.executor.podTemplateFile=/tmp/executor.json"
  "spark.kubernetes.executor.disableConfigMap=true" "spark.kubernetes.driver.ownPersistentVolumeClaim=false"
  "spark.kubernetes.driver.service.deleteOnTermination=false" "spark.authenticate=true" "spark.authenticate.secret.file=/etc/sparkyard/rpc/secret"
  "spark.executorEnv.SPARK_JAVA_OPT_9999=-Dspark.master=k8s://" "spark.network.crypto.enabled=true" "spark.network.crypto.saslFallback=false"
  "spark.network.crypto.authEngineVersion=2" "spark.network.crypto.cipher=AES/GCM/NoPadding" "spark.kubernetes.executor.request.cores=300m" -}}
apiVersion: v1
kind: Pod
metadata:
  name: spark
  namespace: {{ first .Values.global.jobs.namespaces }}
  labels: {spark-role: driver}
spec:
  {{- include "sparkyard.podSpec" . | nindent 2 }}
  serviceAccountName: spark-driver
  automountServiceAccountToken: true
  priorityClassName: sparkyard-driver
  containers:
    - name: base
      image: {{ include "sparkyard.image" (list . "spark") }}
      imagePullPolicy: {{ .Values.global.imagePullPolicy }}
      command:
        - tini
        - -s
        - --
        - bash
        - -c
        - 'echo "$EXECUTOR" > /tmp/executor.json && exec spark-submit --master k8s://https://kubernetes.default.svc "$@"'
        - spark-submit
        {{- range $conf }}{{ nindent 8 "- --conf" }}{{ nindent 8 (printf "- %s" .) }}{{ end }}
      env:
        - {name: EXECUTOR, value: {{ toJson $executor | quote }}}
        {{- range $name, $path := dict "POD_IP" "status.podIP" "POD_NAME" "metadata.name" "POD_NAMESPACE" "metadata.namespace" }}
        - {name: {{ $name }}, valueFrom: {fieldRef: {fieldPath: {{ $path }}}}}
        {{- end }}
      securityContext: {{- include "sparkyard.containerSecurity" . | nindent 8 }}
      resources: {requests: {cpu: 200m, memory: 896Mi}, limits: {memory: 896Mi}}
      volumeMounts:
        - {name: tmp, mountPath: /tmp}
        - {name: work, mountPath: /opt/spark/work-dir}
        - {name: rpc, mountPath: /etc/sparkyard/rpc, readOnly: true}
  volumes: {{- include "airflow.sparkVolumes" . | nindent 4 }}
{{- end }}

{{- define "airflow.executorPod" -}}
apiVersion: v1
kind: Pod
spec:
  {{- include "sparkyard.podSpec" . | nindent 2 }}
  automountServiceAccountToken: false
  containers:
    - name: spark-kubernetes-executor
      securityContext: {{- include "sparkyard.containerSecurity" . | nindent 8 }}
      volumeMounts:
        - {name: tmp, mountPath: /tmp}
        - {name: work, mountPath: /opt/spark/work-dir}
        - {name: rpc, mountPath: /etc/sparkyard/rpc, readOnly: true}
  volumes: {{- include "airflow.sparkVolumes" . | nindent 4 }}
{{- end }}

{{- define "airflow.sparkVolumes" -}}
- {name: tmp, emptyDir: {}}
- {name: work, emptyDir: {}}
- {name: rpc, secret: {secretName: spark-rpc}}
{{- end }}
