package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strconv"
)

const (
	history     = 200 // commits
	filesPerApp = 10
	app         = "apps/app-0000" // the one that is promoted
	changed     = app + "/base/configmap.yaml"
)

// generate makes a bare repository of about so many files. The applications are
// folders side by side, as in many an organisation's repository; every commit
// but the first changes one of them.
func generate(dir string, files int, at layout, image string) error {
	if out, err := exec.Command("git", "init", "--quiet", "--bare", "--initial-branch=main", dir).CombinedOutput(); err != nil {
		return fmt.Errorf("git init: %w: %s", err, out)
	}
	load := exec.Command("git", "--git-dir", dir, "fast-import", "--quiet")
	var trouble bytes.Buffer
	load.Stderr = &trouble
	in, err := load.StdinPipe()
	if err != nil {
		return err
	}
	if err := load.Start(); err != nil {
		return err
	}
	stream := bufio.NewWriterSize(in, 1<<16)
	writeHistory(stream, max(1, files/filesPerApp), at, image)
	if err := stream.Flush(); err != nil {
		return fmt.Errorf("git fast-import: %w: %s", err, trouble.Bytes())
	}
	if err := in.Close(); err != nil {
		return err
	}
	if err := load.Wait(); err != nil {
		return fmt.Errorf("git fast-import: %w: %s", err, trouble.Bytes())
	}
	return nil
}

func writeHistory(w io.Writer, apps int, at layout, image string) {
	for n := range history {
		fmt.Fprintf(w, "commit refs/heads/main\ncommitter Dev <dev@example.org> %d +0000\ndata <<.\nCommit %d\n.\n", 1700000000+n*60, n)
		if n > 0 {
			which := n * 7919 % apps
			writeFile(w, fmt.Sprintf("apps/app-%04d/base/configmap.yaml", which), configMap(strconv.Itoa(n)))
			continue
		}
		writeFile(w, ".towpath/pipeline.yaml", at.pipeline(image))
		writeFile(w, ".towpath/policy.yaml", policy)
		for i := range apps {
			writeApp(w, fmt.Sprintf("apps/app-%04d", i), image)
		}
	}
}

func writeFile(w io.Writer, name, content string) {
	fmt.Fprintf(w, "M 100644 inline %s\ndata %d\n%s\n", name, len(content), content)
}

func writeApp(w io.Writer, dir, image string) {
	name := path.Base(dir)
	for _, file := range []struct{ name, content string }{
		{"README.md", "# " + name + "\n\nOne of many services, with its manifests and two overlays.\n"},
		{"base/kustomization.yaml", "resources: [deployment.yaml, service.yaml, configmap.yaml, ingress.yaml]\nlabels:\n  - includeSelectors: true\n    pairs: {app.kubernetes.io/name: " + name + "}\n"},
		{"base/deployment.yaml", fmt.Sprintf(deployment, image)},
		{"base/service.yaml", service},
		{"base/configmap.yaml", configMap("0")},
		{"base/ingress.yaml", fmt.Sprintf(ingress, name)},
		{"overlays/test/kustomization.yaml", overlay("test", name)},
		{"overlays/test/patch.yaml", fmt.Sprintf(patch, 1)},
		{"overlays/prod/kustomization.yaml", overlay("prod", name)},
		{"overlays/prod/patch.yaml", fmt.Sprintf(patch, 3)},
	} {
		writeFile(w, path.Join(dir, file.name), file.content)
	}
}

func overlay(stage, name string) string {
	return fmt.Sprintf("namespace: %s\nnamePrefix: %s-\nresources: [../../base]\npatches: [{path: patch.yaml}]\n", stage, name)
}

func configMap(value string) string {
	return "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\ndata:\n  LOG_LEVEL: info\n  REVISION: \"" + value + "\"\n"
}

const (
	deployment = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 2
  selector: {}
  template:
    metadata: {}
    spec:
      containers:
        - name: web
          image: %s
          ports: [{name: http, containerPort: 8080}]
          envFrom: [{configMapRef: {name: settings}}]
          readinessProbe: {httpGet: {path: /healthz, port: http}}
          resources:
            requests: {cpu: 100m, memory: 128Mi}
            limits: {memory: 256Mi}
`
	service = `apiVersion: v1
kind: Service
metadata:
  name: web
spec:
  selector: {}
  ports: [{name: http, port: 80, targetPort: http}]
`
	ingress = `apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: web
spec:
  rules:
    - host: %s.example.org
      http:
        paths:
          - path: /
            pathType: Prefix
            backend: {service: {name: web, port: {name: http}}}
`
	patch = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: %d
`
)

// workplace makes a directory for everything, in memory where that can be had:
// on a slow disk whoever writes fewer files wins by the disk's merit.
func workplace(dir string) (string, error) {
	if dir == "" {
		if info, err := os.Stat("/dev/shm"); err == nil && info.IsDir() {
			dir = "/dev/shm"
		}
	}
	made, err := os.MkdirTemp(dir, "towpath-bench-")
	if err != nil {
		return "", err
	}
	return filepath.Abs(made)
}
