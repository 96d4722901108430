//go:build tools

// Pins the operator's API types, from which controller-gen makes the CRDs.
package crds

import (
	_ "github.com/kubeflow/spark-operator/v2/api/v1alpha1"
	_ "github.com/kubeflow/spark-operator/v2/api/v1beta2"
)
